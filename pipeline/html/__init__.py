"""Pages for people to look at: one file each, which makes no request and is the same bytes every time."""
