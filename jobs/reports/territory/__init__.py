"""What satellites saw of one territory: loss, regrowth, alerts and restoration, on two pages for the people who live there."""
