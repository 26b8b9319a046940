"""The state machine over everything that moves money, and the plain model that judges it.

The model is written from the rules, not from the product: dictionaries and whole numbers.
"""
