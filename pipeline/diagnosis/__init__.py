"""What went wrong in a training, by layer and epoch, and what to try: measured on a replica, told in sentences."""
