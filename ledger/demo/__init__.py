"""The demonstration: an invented region and its two years of learning, made through the verbs."""
