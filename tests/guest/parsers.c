/*
 * Drives the loader's parsers on the host, built with sanitizers, for the tests:
 *   parsers wire CHUNK      bytes from standard input, CHUNK at a time, to items
 *   parsers taskset         XML to tasks
 *   parsers lease ID MAC    a DHCP answer to a lease; MAC as 12 hex digits
 *   parsers ask TYPE ID MAC writes the client's packet
 *   parsers page            a page of the trace ring to events
 *   parsers switches LIMIT CPUS BYTES   lines of "cpu time task job" to elements, told in
 *                           pieces of about BYTES; a line that is "over" closes
 *   parsers admit GOAL CPUS XML to the ids of the tasks that are admitted
 *   parsers goal            the document of OPTIMIZE to a goal's number
 *   parsers pids WANTED     lines of "pid number" learned, or "pid" asked
 *   parsers ratio           lines of "a b c d" to a/b rounded down and up in units of 2^-32,
 *                           and how a/b compares with c/d
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admission.h"
#include "dhcp.h"
#include "pids.h"
#include "ratio.h"
#include "ringpage.h"
#include "switches.h"
#include "taskset.h"
#include "wire.h"

#define INPUT_MAX (4 << 20)

static uint8_t *input;
static size_t input_size;

/* Exactly as large as its content, so that the sanitizer sees every step beyond it. */
static void read_input(void)
{
	uint8_t *all = malloc(INPUT_MAX);
	ssize_t size;

	while ((size = read(0, all + input_size, INPUT_MAX - input_size)) > 0)
		input_size += (size_t)size;
	input = malloc(input_size ? input_size : 1);
	memcpy(input, all, input_size);
	free(all);
}

static int feed(struct wire *wire, const uint8_t *bytes, size_t size)
{
	struct wire_item item;

	do {
		wire_next(wire, &bytes, &size, &item);
		switch (item.kind) {
		case WIRE_MORE:
			break;
		case WIRE_COMMAND:
			printf("command %#x %zu", item.word, item.size);
			if (item.size > 0)
				printf(" %.*s", item.size < 60 ? (int)item.size : 60,
				       (const char *)item.data);
			printf("\n");
			break;
		case WIRE_ASK:
			printf("ask\n");
			break;
		case WIRE_BINARY:
			printf("binary %s %zu\n", item.name, item.size);
			break;
		case WIRE_CHUNK:
			for (size_t i = 0; i < item.size; i++) /* every byte is there */
				(void)*(volatile const uint8_t *)(item.data + i);
			printf("chunk %zu\n", item.size);
			break;
		case WIRE_STORED:
			printf("stored\n");
			break;
		case WIRE_BAD:
			printf("bad %s\n", item.why);
			return 0;
		}
	} while (item.kind != WIRE_MORE);
	return 1;
}

static void wire_mode(size_t chunk)
{
	struct wire wire;
	size_t at = 0;

	wire_init(&wire);
	while (at < input_size) {
		size_t part = input_size - at < chunk ? input_size - at : chunk;
		uint8_t *piece = malloc(part);
		int going;

		memcpy(piece, input + at, part);
		going = feed(&wire, piece, part);
		free(piece);
		if (!going)
			break;
		at += part;
	}
	wire_free(&wire);
}

static void taskset_mode(void)
{
	struct taskset *set = malloc(sizeof *set);
	char why[160];

	if (!taskset_parse(set, (const char *)input, input_size, why, sizeof why))
		printf("refused %s\n", why);
	else if (set->switches > 0)
		printf("switches=%u\n", set->switches);
	else
		for (size_t i = 0; i < set->count; i++) {
			const struct task *t = &set->tasks[i];

			printf("id=%u pkg=%s arg1=%s priority=%d period=%lld deadline=%lld "
			       "offset=%lld executiontime=%lld criticaltime=%lld jobs=%u "
			       "quota=%llu cores=%d coreoffset=%d overrun=%d\n",
			       t->id, t->pkg, t->arg1 ? t->arg1 : "-", t->priority,
			       (long long)t->period_ns, (long long)t->deadline_ns,
			       (long long)t->offset_ns, (long long)t->executiontime_ns,
			       (long long)t->criticaltime_ns, t->jobs,
			       (unsigned long long)t->quota, t->cores, t->coreoffset,
			       (int)t->overrun);
		}
	taskset_free(set);
	free(set);
}

static void hardware_of(const char *text, uint8_t hardware[6])
{
	for (int i = 0; i < 6; i++) {
		char pair[3] = { text[2 * i], text[2 * i + 1], 0 };

		hardware[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
}

static void print_address(const char *name, uint32_t address)
{
	char text[INET_ADDRSTRLEN];

	printf(" %s=%s", name, inet_ntop(AF_INET, &address, text, sizeof text));
}

static void lease_mode(uint32_t id, const char *mac)
{
	struct dhcp_lease lease;
	uint8_t hardware[6];

	hardware_of(mac, hardware);
	if (!dhcp_read(input, input_size, htonl(id), hardware, &lease)) {
		printf("no answer\n");
		return;
	}
	printf("type=%d", (int)lease.type);
	print_address("address", lease.address);
	print_address("netmask", lease.netmask);
	print_address("router", lease.router);
	print_address("server", lease.server);
	printf("\n");
}

static void ask_mode(int type, uint32_t id, const char *mac)
{
	struct dhcp_lease offer = { .address = inet_addr("10.0.2.15"),
				    .server = inet_addr("10.0.2.2") };
	uint8_t packet[DHCP_PACKET_SIZE];
	uint8_t hardware[6];

	hardware_of(mac, hardware);
	fwrite(packet, 1,
	       dhcp_write(packet, (enum dhcp_type)type, htonl(id), hardware,
			  type == DHCP_REQUEST ? &offer : NULL),
	       stdout);
}

static void print_page_event(void *context, int64_t time_ns, const uint8_t *event, size_t size)
{
	(void)context;
	printf("%lld %zu", (long long)time_ns, size);
	for (size_t i = 0; i < size && i < 4; i++)
		printf(" %02x", event[i]);
	printf("\n");
}

/* The input as text that ends. */
static char *text_of_input(void)
{
	char *text = malloc(input_size + 1);

	memcpy(text, input, input_size);
	text[input_size] = 0;
	return text;
}

static void switches_mode(size_t limit, unsigned cpus, size_t bytes)
{
	struct switches switches;
	struct buffer out = { .bytes = NULL };
	char *text = text_of_input();

	if (!switches_init(&switches, limit, cpus))
		exit(3);
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		unsigned cpu, task, job;
		long long time_ns;

		if (strcmp(line, "over") == 0)
			switches.closed = true;
		else if (sscanf(line, "%u %lld %u %u", &cpu, &time_ns, &task, &job) == 4)
			switches_add(&switches, cpu, time_ns, task, job);
	}
	while (!switches.end_told) {
		switches_print(&switches, &out, bytes);
		printf("%.*s\n", (int)out.size, (const char *)out.bytes);
		buffer_drop(&out, out.size);
	}
	buffer_free(&out);
	switches_free(&switches);
	free(text);
}

static void pids_mode(uint64_t wanted)
{
	struct pids pids = { .cells = NULL };
	char *text = text_of_input();

	if (!pids_init(&pids, wanted))
		exit(3);
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		unsigned long long number;
		int pid;

		if (sscanf(line, "%d %llu", &pid, &number) == 2) {
			if (pids_full(&pids))
				pids_clear(&pids);
			pids_learn(&pids, pid, number);
		} else {
			printf("%llu\n", (unsigned long long)pids_find(&pids, pid));
		}
	}
	free(pids.cells);
	free(text);
}

static void ratio_mode(void)
{
	char *text = text_of_input();

	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		unsigned long long a, b, c, d;

		if (sscanf(line, "%llu %llu %llu %llu", &a, &b, &c, &d) != 4)
			exit(3);
		printf("%llu %llu %d\n", (unsigned long long)ratio_below(a, b),
		       (unsigned long long)ratio_above(a, b), ratio_compare(a, b, c, d));
	}
	free(text);
}

static void admit_mode(enum goal goal, int cpus)
{
	struct taskset *set = malloc(sizeof *set);
	bool candidate[TASKS_MAX], admitted[TASKS_MAX];
	char why[160];

	if (!taskset_parse(set, (const char *)input, input_size, why, sizeof why))
		exit(3);
	memset(candidate, 1, sizeof candidate);
	admission_decide(set, candidate, cpus, goal, admitted);
	for (size_t i = 0; i < set->count; i++)
		if (admitted[i])
			printf("%u\n", set->tasks[i].id);
	taskset_free(set);
	free(set);
}

static void goal_mode(void)
{
	enum goal goal;
	char why[160];

	if (goal_parse(&goal, (const char *)input, input_size, why, sizeof why))
		printf("%d\n", (int)goal);
	else
		printf("refused %s\n", why);
}

static void page_mode(void)
{
	int64_t begin_ns = 0;

	if (ringpage_lost(input, input_size, &begin_ns))
		printf("lost before %lld\n", (long long)begin_ns);
	ringpage_read(input, input_size, print_page_event, NULL);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "ask") != 0)
		read_input();
	if (strcmp(mode, "wire") == 0 && argc == 3)
		wire_mode(strtoul(argv[2], NULL, 10));
	else if (strcmp(mode, "taskset") == 0)
		taskset_mode();
	else if (strcmp(mode, "lease") == 0 && argc == 4)
		lease_mode((uint32_t)strtoul(argv[2], NULL, 0), argv[3]);
	else if (strcmp(mode, "ask") == 0 && argc == 5)
		ask_mode(atoi(argv[2]), (uint32_t)strtoul(argv[3], NULL, 0), argv[4]);
	else if (strcmp(mode, "page") == 0)
		page_mode();
	else if (strcmp(mode, "switches") == 0 && argc == 5)
		switches_mode(strtoul(argv[2], NULL, 10), (unsigned)atoi(argv[3]),
			      strtoul(argv[4], NULL, 10));
	else if (strcmp(mode, "admit") == 0 && argc == 4)
		admit_mode((enum goal)atoi(argv[2]), atoi(argv[3]));
	else if (strcmp(mode, "goal") == 0)
		goal_mode();
	else if (strcmp(mode, "pids") == 0 && argc == 3)
		pids_mode(strtoul(argv[2], NULL, 10));
	else if (strcmp(mode, "ratio") == 0)
		ratio_mode();
	else
		return 2;
	free(input);
	return 0;
}
