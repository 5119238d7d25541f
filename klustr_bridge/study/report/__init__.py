"""The report of a study: a page, pictures and tables, from a `StudyResult` and nothing else.

Owns how a study is shown. It must not measure anything.
"""

from klustr_bridge.study.report.writing import write_report

__all__ = ["write_report"]
