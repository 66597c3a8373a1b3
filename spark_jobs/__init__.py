"""One entry point a file: parse the arguments, call the library, write."""
