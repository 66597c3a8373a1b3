"""Stores outside the lake: S3 and HDFS, each behind one small protocol."""
