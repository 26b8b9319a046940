"""The shapes that forms, JSON and files share in this room."""
