-- Words of texts and values of attributes are found by inverted indices, traces by a filter of their ids. Parts that are
-- there get them in the background.
ALTER TABLE spans{local} ADD INDEX IF NOT EXISTS of_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE spans{local} ADD INDEX IF NOT EXISTS of_words body TYPE text(tokenizer = splitByString([' ']));
ALTER TABLE spans{local} ADD INDEX IF NOT EXISTS of_said
    arrayConcat(said_keys, arrayMap((k, x) -> if(length(x) <= 64, concat(k, '\x1F', x), ''), said_keys, said_texts))
    TYPE text(tokenizer = 'array');
ALTER TABLE spans{local} ADD INDEX IF NOT EXISTS of_version version TYPE minmax GRANULARITY 1;
ALTER TABLE spans{local} DROP INDEX IF EXISTS of_body;
ALTER TABLE spans{local} DROP INDEX IF EXISTS of_texts;
ALTER TABLE spans{local} DROP INDEX IF EXISTS of_keys;
ALTER TABLE traces{local} ADD INDEX IF NOT EXISTS of_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE traces{local} ADD INDEX IF NOT EXISTS of_each_word words TYPE text(tokenizer = 'array');
ALTER TABLE traces{local} DROP INDEX IF EXISTS of_words;
ALTER TABLE traces{local} MATERIALIZE INDEX of_trace;
ALTER TABLE traces{local} MATERIALIZE INDEX of_each_word;
ALTER TABLE spans{local} MATERIALIZE INDEX of_trace;
ALTER TABLE spans{local} MATERIALIZE INDEX of_version;
ALTER TABLE spans{local} MATERIALIZE INDEX of_words;
ALTER TABLE spans{local} MATERIALIZE INDEX of_said;
