"""The HTTP API: lists for everyone; runs, clips and takedowns for those who may."""
