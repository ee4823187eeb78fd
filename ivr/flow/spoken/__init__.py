"""Parsers of spoken answers: recognised text → meaning, and the phrases that a grammar needs to recognise it.

Pure functions of the text; every parser accepts any text. A language that is not in text.LANGUAGES raises KeyError.
Must not know: questions, flows, prompts, the origin of the text.
"""
