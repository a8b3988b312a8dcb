"""What is wrong with a filter, for whoever wrote it."""


class Wrong(Exception):
    """One sentence. `column`: where, from 1; 0 if it has no one place."""

    def __init__(self, sentence: str, column: int = 0) -> None:
        super().__init__(sentence)
        self.column = column
