#include "xml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool fail(struct xml *xml, const char *why)
{
	if (xml->why == NULL)
		xml->why = why;
	return false;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct xml *xml)
{
	while (xml->at < xml->end && blank(*xml->at))
		xml->at++;
}

static bool starts(const struct xml *xml, const char *text)
{
	size_t size = strlen(text);

	return (size_t)(xml->end - xml->at) >= size && memcmp(xml->at, text, size) == 0;
}

static bool skip_past(struct xml *xml, const char *text)
{
	const char *found = memmem(xml->at, (size_t)(xml->end - xml->at), text, strlen(text));

	if (found == NULL)
		return fail(xml, "XML that does not end");
	xml->at = found + strlen(text);
	return true;
}

/* Blanks, comments and a declaration. */
static bool skip_misc(struct xml *xml)
{
	for (;;) {
		skip_blanks(xml);
		if (starts(xml, "<!--")) {
			if (!skip_past(xml, "-->"))
				return false;
		} else if (starts(xml, "<?")) {
			if (!skip_past(xml, "?>"))
				return false;
		} else {
			return true;
		}
	}
}

void xml_init(struct xml *xml, const char *text, size_t size)
{
	*xml = (struct xml){ .at = text, .end = text + size };
	/* hosts may count a final NUL */
	while (xml->end > xml->at && xml->end[-1] == 0)
		xml->end--;
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == ':' || c == '.';
}

static bool read_name(struct xml *xml, char name[XML_NAME_SIZE])
{
	size_t size = 0;

	while (xml->at < xml->end && name_char(*xml->at)) {
		if (size + 1 >= XML_NAME_SIZE)
			return fail(xml, "an element's name that is too long");
		name[size++] = *xml->at++;
	}
	name[size] = 0;
	return size > 0 || fail(xml, "an element without a name");
}

/* Attributes mean nothing in a task set, and are passed over. */
static bool skip_attributes(struct xml *xml)
{
	for (;;) {
		char quote;

		skip_blanks(xml);
		if (xml->at >= xml->end)
			return fail(xml, "XML that does not end");
		if (*xml->at == '>' || *xml->at == '/')
			return true;
		while (xml->at < xml->end && name_char(*xml->at))
			xml->at++;
		skip_blanks(xml);
		if (xml->end - xml->at < 2 || *xml->at != '=')
			return fail(xml, "an attribute that is none");
		xml->at++;
		skip_blanks(xml);
		if (xml->at >= xml->end || (*xml->at != '"' && *xml->at != '\''))
			return fail(xml, "an attribute that is none");
		quote = *xml->at++;
		while (xml->at < xml->end && *xml->at != quote)
			xml->at++;
		if (xml->at++ >= xml->end) {
			xml->at = xml->end;
			return fail(xml, "XML that does not end");
		}
	}
}

bool xml_open(struct xml *xml, char name[XML_NAME_SIZE])
{
	if (xml->why != NULL || xml->empty || !skip_misc(xml))
		return false;
	if (xml->at >= xml->end)
		return xml->depth > 0 ? fail(xml, "XML that does not end") : false;
	if (*xml->at != '<')
		return fail(xml, "text where an element is due");
	if (starts(xml, "</"))
		return false;
	xml->at++;
	if (xml->depth >= XML_DEPTH_MAX)
		return fail(xml, "elements nested too deep");
	if (!read_name(xml, name) || !skip_attributes(xml))
		return false;
	memcpy(xml->open[xml->depth++], name, XML_NAME_SIZE);
	if (*xml->at == '/') {
		xml->at++;
		xml->empty = true;
	}
	if (xml->at >= xml->end || *xml->at != '>')
		return fail(xml, "a tag that does not end");
	xml->at++;
	return true;
}

bool xml_close(struct xml *xml)
{
	char name[XML_NAME_SIZE];

	if (xml->why != NULL)
		return false;
	if (xml->empty) {
		xml->empty = false;
		xml->depth--;
		return true;
	}
	if (!skip_misc(xml))
		return false;
	if (xml->depth == 0 || !starts(xml, "</"))
		return fail(xml, "an end tag is missing");
	xml->at += 2;
	if (!read_name(xml, name))
		return false;
	skip_blanks(xml);
	if (strcmp(name, xml->open[xml->depth - 1]) != 0 || xml->at >= xml->end || *xml->at != '>')
		return fail(xml, "an end tag that does not fit");
	xml->at++;
	xml->depth--;
	return true;
}

/* One character after '&'; only ASCII is asked for here. */
static int entity(struct xml *xml)
{
	static const struct {
		const char *text;
		char value;
	} named[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' },
		      { "&quot;", '"' }, { "&apos;", '\'' } };

	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
		if (starts(xml, named[i].text)) {
			xml->at += strlen(named[i].text);
			return named[i].value;
		}
	}
	if (starts(xml, "&#")) {
		bool hex = starts(xml, "&#x");
		char digits[8] = "";
		size_t size = 0;
		char *end;
		long value;

		xml->at += hex ? 3 : 2;
		while (xml->at < xml->end && *xml->at != ';' && size + 1 < sizeof digits)
			digits[size++] = *xml->at++;
		value = strtol(digits, &end, hex ? 16 : 10);
		if (size > 0 && *end == 0 && value > 0 && value < 128 && xml->at < xml->end &&
		    *xml->at == ';') {
			xml->at++;
			return (int)value;
		}
	}
	fail(xml, "an entity that is not known");
	return 0;
}

bool xml_text(struct xml *xml, char *out, size_t size)
{
	size_t used = 0;

	out[0] = 0;
	if (xml->empty)
		return xml_close(xml);
	skip_blanks(xml);
	while (xml->at < xml->end && *xml->at != '<') {
		int c = *xml->at;

		if (c == '&') {
			c = entity(xml);
			if (xml->why != NULL)
				return false;
		} else {
			xml->at++;
		}
		if (c == 0)
			return fail(xml, "a NUL inside a value");
		if (used + 1 >= size)
			return fail(xml, "a value that is too long");
		out[used++] = (char)c;
	}
	while (used > 0 && blank(out[used - 1]))
		used--;
	out[used] = 0;
	return xml_close(xml);
}

bool xml_skip(struct xml *xml)
{
	unsigned depth = xml->depth - 1;
	char name[XML_NAME_SIZE];

	while (xml->why == NULL && xml->depth > depth) {
		if (!xml->empty) {
			while (xml->at < xml->end && *xml->at != '<')
				xml->at++;
			if (xml_open(xml, name))
				continue;
		}
		xml_close(xml);
	}
	return xml->why == NULL;
}

bool xml_done(struct xml *xml)
{
	return skip_misc(xml) && (xml->at >= xml->end || fail(xml, "something after the task set"));
}
