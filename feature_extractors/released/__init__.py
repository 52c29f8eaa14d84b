"""Released feature files: the layouts that users have, their arrays, and stores made from them. Torch-free."""
