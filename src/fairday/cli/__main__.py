"""``python -m fairday.cli``."""

from fairday.cli import main

if __name__ == "__main__":
    main()
