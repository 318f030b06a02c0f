"""How the voice weights are made. Needs the recordings; nothing at run time imports this."""
