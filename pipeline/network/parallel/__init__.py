"""An update shared by several threads: the workers, how the work is cut, and the update itself."""
