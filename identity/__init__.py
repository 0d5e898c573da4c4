"""Who somebody is, for people with an account: passwords, one-time codes, limits of attempts. Knows no desk."""
