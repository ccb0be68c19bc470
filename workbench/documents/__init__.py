"""One module per joint: its reader, its writer, its ``format`` number. Nobody else parses these files."""
