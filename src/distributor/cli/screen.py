"""The screen of ``distributor top``, with Textual."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Static

from distributor.cli.overview import Overview, job_cells, machine_cells, set_cells, style_of
from distributor.errors import DistributorError

if TYPE_CHECKING:
    from distributor.service.client import Client

#: Time between two looks at what has changed.
_REDRAW_S = 0.25
_JOBS = ("job", "state", "decided", "verdicts", "left", "name")
_MACHINES = ("machine", "state", "health", "running", "up", "work", "sets", "address")
_SETS = ("set", "verdict", "load", "guest time", "machine", "name", "reason")


class TopScreen(App[None]):
    """Jobs, machines and the last sets, and keys to steer them.

    :param connect: makes a client; there is one for what happens and one for what is asked.
    """

    TITLE = "distributor"
    CSS = """
    #headline { height: auto; padding: 0 1; background: $boost; }
    #failure { height: auto; padding: 0 1; color: $text; background: $error; display: none; }
    DataTable { height: 1fr; border-top: solid $primary; border-title-color: $text; }
    DataTable:focus { border-top: solid $accent; border-title-style: bold; }
    #sets { height: 2fr; }
    Question { align: center middle; }
    Question Static { width: auto; max-width: 80%; padding: 1 3; border: round $accent;
      background: $surface; }
    ConsoleView VerticalScroll { background: $surface; border: round $accent; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("plus,equals_sign", "maximum(1)", "+ machine", key_display="+"),
        Binding("minus", "maximum(-1)", "- machine", key_display="-"),
        Binding("p", "pause", "pause/resume all"),
        Binding("space", "hold", "pause/resume job"),
        Binding("c", "cancel", "cancel job"),
        Binding("enter", "console", "console", priority=True),
        Binding("tab", "app.focus_next", "next table", show=False),
    ]

    def __init__(self, connect: Callable[[], Client]) -> None:
        super().__init__()
        self.overview = Overview()
        self._events, self._asking = connect(), connect()
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._listening = threading.Thread(target=self._listen, name="events", daemon=True)
        self._gone = ""

    def compose(self) -> ComposeResult:
        """The parts, from top to bottom."""
        yield Static(id="headline", markup=False)
        yield Static(id="failure", markup=False)
        for name, columns in (("jobs", _JOBS), ("machines", _MACHINES), ("sets", _SETS)):
            table: DataTable[Text] = DataTable(id=name, cursor_type="row", zebra_stripes=True)
            table.border_title = name
            for column in columns:
                table.add_column(column, key=column)
            yield table
        yield Footer()

    def on_mount(self) -> None:
        """Begin to listen."""
        self._listening.start()
        self.set_interval(_REDRAW_S, self._redraw)

    def on_unmount(self) -> None:
        """Let the service go."""
        self._events.close()
        self._asking.close()

    # -- what happens ------------------------------------------------------------------

    def _listen(self) -> None:
        try:
            for name, told in self._events.events():
                with self._lock:
                    self.overview.apply(name, told)
                self._changed.set()
        except DistributorError as error:
            self._gone = str(error)
            self._changed.set()

    def _redraw(self) -> None:
        if not self._changed.is_set() or self.screen is not self.screen_stack[0]:
            return
        self._changed.clear()
        with self._lock:
            headline = self.overview.headline()
            jobs = {str(number): job_cells(job) for number, job in self.overview.jobs.items()}
            machines = {name: machine_cells(each) for name, each in self.overview.machines.items()}
            sets = {str(each["id"]): set_cells(each) for each in self.overview.sets}
        self.query_one("#headline", Static).update(headline)
        if self._gone:
            self._say(self._gone)
        _fill(self._table("jobs"), _JOBS, jobs)
        _fill(self._table("machines"), _MACHINES, machines)
        _fill(self._table("sets"), _SETS, sets)

    def _table(self, name: str) -> DataTable[Text]:
        return self.query_one(f"#{name}", DataTable)

    def _say(self, failure: str) -> None:
        shown = self.query_one("#failure", Static)
        shown.update(failure)
        shown.display = bool(failure)

    # -- what is asked -----------------------------------------------------------------

    def action_maximum(self, more: int) -> None:
        """Allow one machine more, or less."""
        maximum = max(0, int(self.overview.state.get("maximum", 0)) + more)
        self._ask(lambda client: client.set_max_machine_value(maximum))

    def action_pause(self) -> None:
        """Pause everything, or go on."""
        if self.overview.state.get("state") in ("paused", "failed"):
            self._ask(lambda client: client.resume())
        else:
            self._ask(lambda client: client.shut_down_all_machines())

    def action_hold(self) -> None:
        """Pause the job under the cursor, or go on with it."""
        number = self._job()
        if number is None:
            return
        if self.overview.jobs[number]["state"] == "paused":
            self._ask(lambda client: client.resume_job(number))
        else:
            self._ask(lambda client: client.pause_job(number))

    def action_cancel(self) -> None:
        """Cancel the job under the cursor, once that is confirmed."""
        number = self._job()
        if number is None:
            return

        def decide(sure: bool | None) -> None:
            if sure:
                self._ask(lambda client: client.cancel_job(number))

        self.push_screen(Question(f"Cancel job {number}? y: yes, n: no"), decide)

    def action_console(self) -> None:
        """Show what the machine under the cursor printed last."""
        table = self._table("machines")
        if self.focused is not table or not table.row_count:
            return
        name = _key(table)

        def show(client: Client) -> None:
            told = client.console(name)
            self.call_from_thread(self.push_screen, ConsoleView(name, told))

        self._ask(show)

    def _job(self) -> int | None:
        table = self._table("jobs")
        return int(_key(table)) if table.row_count else None

    def _ask(self, question: Callable[[Client], object]) -> None:
        """Ask the service in a thread: the screen goes on meanwhile."""

        def ask() -> None:
            failure = ""
            try:
                question(self._asking)
            except DistributorError as error:
                failure = str(error)
            self.call_from_thread(self._say, failure)

        self.run_worker(ask, thread=True, group="ask", exclusive=True)


class Question(ModalScreen[bool]):
    """Something to be sure of."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question alone."""
        yield Static(self._question, markup=False)

    def action_answer(self, sure: bool) -> None:
        """Back, with the answer."""
        self.dismiss(sure)


class ConsoleView(ModalScreen[None]):
    """What a machine printed last."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "back")]

    def __init__(self, machine: str, told: str) -> None:
        super().__init__()
        self._machine = machine
        self._told = told

    def compose(self) -> ComposeResult:
        """The text, to be scrolled."""
        with VerticalScroll() as scroll:
            scroll.border_title = f"console of {self._machine}; Escape goes back"
            yield Static(self._told or "nothing was printed yet", markup=False)


def _key(table: DataTable[Text]) -> str:
    row = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
    assert row is not None
    return row


def _fill(table: DataTable[Text], columns: Sequence[str], rows: dict[str, tuple[str, ...]]) -> None:
    """Make the table hold these rows; what has not changed is left, and so is the cursor."""
    present = [row.value or "" for row in table.rows]
    wanted = list(rows)
    kept = [key for key in present if key in rows]
    if kept != wanted[: len(kept)]:
        # Rows came in before others (the newest set stands first): begin anew.
        table.clear()
        kept = []
    for key in present:
        if key not in rows and key in table.rows:
            table.remove_row(key)
    for key, cells in rows.items():
        styled = [_cell(column, cell) for column, cell in zip(columns, cells, strict=True)]
        if key not in kept:
            table.add_row(*styled, key=key)
            continue
        for column, cell in zip(columns, styled, strict=True):
            if table.get_cell(key, column) != cell:
                table.update_cell(key, column, cell, update_width=True)


def _cell(column: str, cell: str) -> Text:
    return Text(cell, style=style_of(cell) if column == "verdict" else "", no_wrap=True)
