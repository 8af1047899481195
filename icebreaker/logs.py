"""What is not worth a line in the log."""

import logging


class BadClients(logging.Filter):
    """Drops the traceback that uvicorn writes when a client sends what is not UTF-8; it closes with 1007."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Invalid UTF-8")
