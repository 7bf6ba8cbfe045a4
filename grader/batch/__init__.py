"""`grade batch`: one command over the rooms that collect, grade and count, and the pages of the class."""
