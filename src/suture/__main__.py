"""`python -m suture` is the `suture` command."""

from suture.cli import main

if __name__ == "__main__":
    main()
