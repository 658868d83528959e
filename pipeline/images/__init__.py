"""Images as rows of pixels: their scale, their statistics, deformations of them, and what makes them alike."""
