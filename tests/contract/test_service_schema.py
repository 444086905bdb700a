"""The API answers as its description says, whatever it is sent (schemathesis)."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fakes.instant import InstantKind
from tests.services import TOKEN, running

#: Requests of each route, well-formed and not; DISTRIBUTOR_EXAMPLES asks for more.
EXAMPLES = int(os.environ.get("DISTRIBUTOR_EXAMPLES", "5"))
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_route_does_what_its_description_says(tmp_path: Path) -> None:
    with running(tmp_path, InstantKind()) as service:
        told = httpx.get(f"{service.url}/api/v1/openapi.json", headers=AUTHORIZED).json()
        schema = schemathesis.openapi.from_dict(told)
        tried = 0
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if operation.path == "/api/v1/events":
                continue  # never ends
            for mode in GenerationMode:
                _try(operation, mode, service.url)
            tried += 1
        assert tried >= 18


def _try(operation: object, mode: GenerationMode, url: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(case=operation.as_strategy(mode))  # type: ignore[attr-defined]
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=url, headers=AUTHORIZED, checks=CHECKS, timeout=60)

    try:
        ask()
    except Unsatisfiable:
        # What has no parameter cannot be asked wrongly.
        assert mode is GenerationMode.NEGATIVE
