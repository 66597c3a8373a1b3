"""Two sources on a real S3, their files in a folder of the test's own, and a clock that the test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.config import Config

RUN = {"session": "2016-06-30", "run_id": "manual__x", "deadline": "2016-06-30T22:00:00+00:00", "replayed": False}
PRICES, FILINGS = "prices/2016/20160630.csv.gz", "filings/20160630.csv.gz"
_SOURCE = """
name: {name}
kind: filings
store: s3
prefix: {name}/
key_pattern: '{pattern}'
time_zone: America/New_York
knowledge: {{rule: session_close, delay_minutes: 30}}
format: {{delimiter: ','}}
columns:
  symbol: {{name: symbol, type: string}}
  end: {{name: period_end, type: date}}
  amend: {{name: amended, type: boolean}}
  type: {{name: doc_type, type: string}}
symbol_pattern: '[A-Z]+'
quality: filings
quarantine_budget: {{share: 0.1}}
arrival: {{cut_off_minutes: 75, late: {late}, poll_seconds: 1, expected: {expected}}}
completion: {completion}
"""


def write_sources(config: Path) -> None:
    """``prices`` must come; ``filings`` may fail to, and is whole with its marker; nobody awaits ``weekly``."""
    (config / "sources").mkdir(parents=True)
    rows = [
        ("prices", r"prices/\d{4}/(?P<session>\d{8})\.csv\.gz", "fail", "every_session", "{rule: atomic}"),
        ("filings", r"filings/(?P<session>\d{8})\.csv\.gz", "go_on", "every_session", "{rule: marker, suffix: .done}"),
        ("weekly", r"weekly/(?P<session>\d{8})\.csv\.gz", "go_on", "sometimes", "{rule: atomic}"),
    ]
    for name, pattern, late, expected, completion in rows:
        text = _SOURCE.format(name=name, pattern=pattern, late=late, expected=expected, completion=completion)
        (config / "sources" / f"{name}.yaml").write_text(text)


@dataclass
class Clock:
    """The time of 30 June 2016, in UTC; the exchange closes at 20:00. The last of the times given stays."""

    times: list[datetime] = field(default_factory=list)

    def at(self, *times: str) -> None:
        self.times = [datetime.fromisoformat(f"2016-06-30T{time}").replace(tzinfo=UTC) for time in times]

    def __call__(self) -> datetime:
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]


class Feed:
    """The vendor's side of the bucket."""

    def __init__(self, env: dict[str, str]) -> None:
        self.bucket = env["AFTERBELL_FEED_BUCKET"]
        self.client = boto3.client(
            "s3",
            endpoint_url=env["AFTERBELL_S3_ENDPOINT"],
            region_name=env["AFTERBELL_S3_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            config=Config(s3={"addressing_style": "path"}),
        )

    def put(self, *keys: str) -> None:
        for key in keys:
            self.client.put_object(Bucket=self.bucket, Key=key, Body=b"x")

    def clear(self) -> None:
        for item in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            self.client.delete_object(Bucket=self.bucket, Key=item["Key"])
