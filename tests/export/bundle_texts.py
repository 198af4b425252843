"""Texts with labels for the small model of these tests."""

ITEMS = [
    "导航去火车站", "navigate home", "play some music", "天气怎么样", "go to the airport", "what time is it",
    "去北京南站怎么走", "讲个笑话", "take me to the museum", "set an alarm for seven", "回家", "声音大一点",
]  # fmt: skip
LABELS = ["go", "go", "music", "other", "go", "other", "go", "other", "go", "other", "go", "music"]
# What a served model meets sooner or later, as bytes.
ODD = [
    b"", "x".encode() * 10_000, b"\xff\xfe broken \xc3", "👍🏽👨‍👩‍👧".encode(), "مرحبا بالعالم".encode(), "\u200f\u202e".encode(), b"\0",
    "导".encode() * 5_000, b" \t\n", "é".encode(),
]  # fmt: skip
