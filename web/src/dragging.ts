/** What a sound is called when it leaves the page as a file. Pure. */

/** What the bridge gives as it is; everything else, and every part of a file, comes as WAV. */
const AS_IT_IS = /\.(wav|flac|ogg|oga|m4a|mp3)$/i;
/** Not allowed in the names of files on some system, or what parts a `DownloadURL`. */
const FORBIDDEN = /[\\/:*?"<>|\u0000-\u001f]/g;

/** The value of a `DownloadURL`, from which Chromium makes a file where the sound is dropped. */
export function downloadUrl(name: string, isSlice: boolean, url: string): string {
  const clean = name.replace(FORBIDDEN, "_") || "sound";
  const isGiven = AS_IT_IS.test(clean) && !isSlice;
  return `application/octet-stream:${isGiven ? clean : `${clean.replace(/\.[^.]*$/, "")}.wav`}:${url}`;
}
