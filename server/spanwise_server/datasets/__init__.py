"""Examples made from judged spans, in frozen versions."""
