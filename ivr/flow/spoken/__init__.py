"""Spoken answers: the text that was heard -> what it means, and the phrases a grammar needs to hear it.

Pure functions of the text. Must not know: questions, flows, prompts, how the text came about. Every reader takes any
text and never fails on it; a language other than those in text.LANGUAGES is a KeyError.
"""
