"""Scheduled callbacks: scheduling, dialling, outcome and retries. Module `retry_policy` is pure."""
