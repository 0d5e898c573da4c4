"""E-mail: the only folder that knows aiosmtplib. README.md says what it promises."""
