"""Areas under restoration: registers as they come, checked as their receivers check them, measured once and handed on."""
