"""Whether the numbers of a text bear each other out, and what evidence says of them: arithmetic, and no word on people."""
