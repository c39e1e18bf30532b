"""How closely one model follows another, without labels."""
