"""Where Spark runs: profiles, submission, and the frame of every Spark job."""
