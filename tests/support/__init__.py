"""What the process tests share: waiting, programs, the audit, and Executors with every fault."""
