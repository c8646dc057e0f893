"""Where records are kept. Nothing outside this folder sees a row, a session or a line of SQL."""
