"""How alerts reach people: what is said of one, in which words, to whom, by which channel. Nothing is sent from a task."""
