"""Fuzzing: gives mutated input to our parsers and decoders, for as long as one likes (`python -m fuzz --help`)."""
