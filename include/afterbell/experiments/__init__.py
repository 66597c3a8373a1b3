"""What an analyst tries out beside the daily run: requests, searches, and a namespace of their own."""
