"""The embedded AWS that runs Framesift's stack on one machine, and stand-ins for outside services."""
