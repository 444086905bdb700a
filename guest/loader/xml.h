/* A reader of the small part of XML that task sets are written in. */
#ifndef XML_H
#define XML_H

#include <stdbool.h>
#include <stddef.h>

#define XML_NAME_SIZE 32
#define XML_DEPTH_MAX 16

struct xml {
	const char *at;
	const char *end;
	const char *why; /* NULL as long as all is well */
	bool empty;      /* the element just opened was <name/>: its end is still to be taken */
	unsigned depth;
	char open[XML_DEPTH_MAX][XML_NAME_SIZE];
};

void xml_init(struct xml *xml, const char *text, size_t size);

/* Opens the next child element and fills in its name; false at its parent's end or an error. */
bool xml_open(struct xml *xml, char name[XML_NAME_SIZE]);

/*
 * Reads the text of the element just opened and takes its end tag. Blanks around it are
 * dropped, entities resolved; `out` is ended by NUL. False with `why` set on an error.
 */
bool xml_text(struct xml *xml, char *out, size_t size);

/* Takes the end tag of the element whose children have all been read. */
bool xml_close(struct xml *xml);

/* Takes everything up to the end of the element just opened. */
bool xml_skip(struct xml *xml);

/* True if nothing but blanks and comments is left. */
bool xml_done(struct xml *xml);

#endif
