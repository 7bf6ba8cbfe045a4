"""The pages: one self-contained file each, in which nothing runs that is not ours and nothing loads from outside."""
