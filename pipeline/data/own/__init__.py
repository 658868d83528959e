"""The readers of people's own formats: pictures in folders of classes, in a folder or in a ZIP archive."""
