"""One live call: turn-taking (pure), the session's mailbox, and the media stream it talks through."""
