"""Where a data set can come from: mirrors, OpenML, packages of npm and PyPI, folders; ``base`` says their shape."""
