/** The library of age takes 30 ms to load: only a command that wraps or opens keys loads it. */
export const loadAge = () => import('age-encryption');
