"""What every process needs, and nothing that only one of them needs: each module here has two users."""
