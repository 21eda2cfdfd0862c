// Package searchindex makes what agents write about findable: messages, notes and contacts.
//
// Beside the product's tables stands search_documents. Each of its rows has the text of one message, note or contact in a normal
// form (Normalise) and the grams of that text: three characters that follow each other, two where a Chinese, Japanese or Korean one
// takes part, and each of those alone. A query is cut the same way (ParseQuery); the GIN index over the grams gives the rows that have
// all of its grams, and LIKE on the text decides. Postgres' own trigrams will not do: pg_trgm drops letters beyond ASCII in a cluster
// whose locale is C, as ours are, and knows no pairs.
//
// An Indexer writes the rows, about a second behind the events that it follows.
package searchindex
