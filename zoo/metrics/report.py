"""A set of scores that prints as a table."""


class Report(dict):
    """Names to `Score`, with the counts behind them.

    Attributes:
        info: dict of counts (queries, singletons, classes, ...), printed below the table.

    Example:

    >>> from zoo.metrics import wilson
    >>> print(Report({"accuracy": wilson(9, 10)}, info={"queries": 10}))
    metric    value  95% interval     n
    accuracy  0.900  [0.596, 0.982]  10
    queries: 10
    """

    def __init__(self, scores=(), info=None):
        super().__init__(scores)
        self.info = dict(info or {})

    def __str__(self):
        rows = [("metric", "value", "95% interval", "n")]
        for name, score in self.items():
            value, _, interval = str(score).partition(" ")
            rows.append((name, value, interval, str(score.n)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"{name:<{widths[0]}}  {value:<{widths[1]}}  {interval:<{widths[2]}}  {n:>{widths[3]}}"
            for name, value, interval, n in rows
        ]
        counts = ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in self.info.items())
        return "\n".join(lines + [counts] * bool(counts))
