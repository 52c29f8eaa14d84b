"""What follows from the settings classes: the JSON schema, the reference page and the comments of config.yaml."""
